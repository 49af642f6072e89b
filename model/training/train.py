"""Trains the models, checks them, and writes them with their figures and their card."""

import argparse
import json
from pathlib import Path
from typing import Any

import corpus
import figures
from card import write_card
from crossval import OutOfFold, out_of_fold_of
from dataset import Dataset, join, read_dataset
from metrics import FALSE_POSITIVE_RATES, recall_at
from models import CHANGES, OBJECTS, SEED, Examples, Recipe
from release import VERSION, write_isolation, write_model

FILES = {"objects": "", "changes": "changes-"}


def main() -> None:
    """Reads matrices and corpus, and writes the trained files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="directory of the corpus")
    parser.add_argument("--matrices", type=Path, required=True, help="directory with train/, examples/ and validation/")
    parser.add_argument("--out", type=Path, required=True, help="directory of the trained files")
    parser.add_argument("--card", type=Path, required=True, help="the model card to write")
    parser.add_argument("--validation", action="store_true", help="give the figures that need validation as well")
    parser.add_argument("--quick", action="store_true", help="leave out the figures that take many fits")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    digests = {
        "train": corpus.digest(arguments.corpus / "train.jsonl.gz"),
        "changes": corpus.digest(arguments.corpus / "changes-train.jsonl.gz"),
    }
    golden: dict[str, object] = {}
    result: figures.Figures = {"version": VERSION, "seed": SEED, "corpus": digests}
    for recipe in (OBJECTS, CHANGES):
        data = read_part(arguments, recipe, "train")
        examples = Examples.read(arguments.matrices / "examples" / recipe.name, recipe)
        found, cold = scores(data, recipe, examples)
        golden[recipe.name] = write_model(arguments.out, data, recipe, examples, found, cold, digests)
        result["featureVersion"] = data.matrix.feature_version
        result[recipe.name] = figures_of(data, recipe, examples, found, cold, arguments.quick)
        if arguments.validation:
            held = read_part(arguments, recipe, "validation")
            both = join(data, held)
            both_found, both_cold = scores(both, recipe, examples)
            say(f"{recipe.name} with validation", both, both_found)
            result[recipe.name]["withValidation"] = figures.summary(both, both_found)
            result[recipe.name]["validation"] = figures.released(held, recipe, data, examples, found)
            if both_cold is not None:
                result[recipe.name]["withValidation"]["withoutHistory"] = figures.recalls(both, both_cold.calibrated)
        if recipe is OBJECTS:
            golden["isolation"] = write_isolation(arguments.out, data, digests)
    (arguments.out / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    (arguments.out / "figures.json").write_text(json.dumps(rounded(result), indent=1) + "\n")
    write_card(arguments.card, rounded(result))


def read_part(arguments: argparse.Namespace, recipe: Recipe, part: str) -> Dataset:
    """The rows of one part of the corpus."""
    return read_dataset(
        arguments.matrices / part, recipe.name, arguments.corpus / f"{FILES[recipe.name]}{part}.jsonl.gz"
    )


def scores(data: Dataset, recipe: Recipe, examples: Examples) -> tuple[OutOfFold, OutOfFold | None]:
    """Out-of-fold scores, and those without history where that makes a difference."""
    if not data.matrix.rarity_columns():
        return out_of_fold_of(data, recipe, examples, [data])[0], None
    warm, cold = out_of_fold_of(data, recipe, examples, [data, figures.without_history(data)])
    return warm, cold


def figures_of(
    data: Dataset, recipe: Recipe, examples: Examples, found: OutOfFold, cold: OutOfFold | None, quick: bool
) -> figures.Figures:
    """All figures on the training part."""
    say(recipe.name, data, found)
    result: figures.Figures = {"train": figures.summary(data, found)}
    if cold is not None:
        result["train"]["withoutHistory"] = figures.recalls(data, cold.calibrated)
    if not quick:
        result["leaveOneOut"] = figures.leave_one_out(data, recipe, examples, found.fold)
        result["leaveOneOutWithoutExamples"] = figures.leave_one_out(data, recipe, None, found.fold)
        print(f"{recipe.name}: finds {result['leaveOneOut']['mean']:.3f} of attacks never seen", flush=True)
        result["ablations"] = figures.ablations(data, recipe, examples, found)
    return result


def say(name: str, data: Dataset, found: OutOfFold) -> None:
    """Prints the recall."""
    for rate in FALSE_POSITIVE_RATES:
        recall = recall_at(found.calibrated, data.labels.target == 1, data.labels.is_benign, rate)
        plain = recall_at(found.logit, data.labels.target == 1, data.labels.is_benign, rate)
        print(f"{name}: finds {recall:.3f} at {rate:.1%} false positives (uncalibrated {plain:.3f})", flush=True)


def rounded(value: Any) -> Any:
    """Numbers to four digits behind the point."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, (list, tuple)) else value


if __name__ == "__main__":
    main()
