"""Writes the model card out of the figures of a training."""

import json
import sys
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
Lines = list[str]

TITLES = {"objects": "Objects (a manifest as it is)", "changes": "Changes (old and new)"}
BARS = {"objects": (0.85, 0.55), "changes": (0.99, 0.78)}
SETS = {"all": "all positives", "attacks": "attacks and seeded weaknesses", "fixtures": "fixtures of policy tools"}


def write_card(path: Path, result: Figures) -> None:
    """Writes the card."""
    lines = [INTRODUCTION.format(**result)]
    for name in ("objects", "changes"):
        lines += [f"\n## {TITLES[name]}\n", *section(name, result[name])]
    lines += [LIMITS, REPRODUCE.format(**result)]
    path.write_text("\n".join(lines).rstrip() + "\n")


def section(name: str, figures: Figures) -> Lines:
    """All about one of the models."""
    lines: Lines = ["### What is found\n", *recall_table(name, figures)]
    lines += ["", f"Bars for all positives: {BARS[name][0]} at 1 % and {BARS[name][1]} at 0.1 %, out-of-fold.\n"]
    lines += curve(figures)
    if "leaveOneOut" in figures:
        lines += leave_one_out(figures)
    lines += thresholds(figures)
    lines += ["\n### Where, out-of-fold on training sources\n"]
    lines += shares("Attack", figures["train"]["byAttack"])
    lines += [
        "",
        *shares("Source", {key: each for key, each in figures["train"]["bySource"].items() if each["count"] >= 5}),
    ]
    if "ablations" in figures:
        lines += ablations(figures["ablations"])
    return lines


def recall_table(name: str, figures: Figures) -> Lines:
    """Recall with intervals, one row for each way of asking."""
    rows = [("out-of-fold, training sources", figures["train"])]
    if "withValidation" in figures:
        rows += [("out-of-fold, training and validation sources", figures["withValidation"])]
        rows += [("released model on validation, which had no part in anything", figures["validation"])]
    lines = ["| scored | of | positives | benign | recall at 1 % | recall at 0.1 % |", "|---|---|---|---|---|---|"]
    for title, part in rows:
        sets = [(title, part["recall"])]
        if "withoutHistory" in part:
            sets.append((f"{title}, without history", part["withoutHistory"]))
        for each_title, recalls in sets:
            for key, recall in recalls.items():
                if len(recalls) == 2 and name == "changes" and key == "attacks":
                    continue
                figures_at = " | ".join(
                    f"{at['recall']:.3f} [{at['low']:.2f}, {at['high']:.2f}]" for at in recall["at"]
                )
                lines.append(f"| {each_title} | {SETS[key]} | {recall['count']} | {part['benign']} | {figures_at} |")
    return [*lines, "", "In brackets: 5 % and 95 % points when whole sources are drawn again and again."]


def curve(figures: Figures) -> Lines:
    """The recall over the false positive rate."""
    recalls = figures["train"]["recall"]
    rates = [rate for rate, _ in recalls["all"]["curve"]]
    lines = ["| false positives | " + " | ".join(f"{rate:.2%}" for rate in rates) + " |", "|---|" + "---|" * len(rates)]
    for key, recall in recalls.items():
        if key != "attacks" or recall["count"] != recalls["all"]["count"]:
            lines.append(f"| {SETS[key]} | " + " | ".join(f"{value:.2f}" for _, value in recall["curve"]) + " |")
    return lines


def leave_one_out(figures: Figures) -> Lines:
    """What is found of attacks that training has not seen."""
    found, plain = figures["leaveOneOut"], figures["leaveOneOutWithoutExamples"]
    lines = [
        "\n### Attacks never seen\n",
        f"With every example of an attack left out of training, {found['mean']:.2f} of it is found at 1 % (mean over "
        f"attacks); without our own examples {plain['mean']:.2f}. Examples and weights were written by people who "
        "knew these attacks' names, so the figure is that of a known world.\n",
        "| attack | rows | found | without our own examples |",
        "|---|---|---|---|",
    ]
    for name, each in found["attacks"].items():
        lines.append(f"| {name} | {each['count']} | {each['found']:.2f} | {plain['attacks'][name]['found']:.2f} |")
    return lines


def thresholds(figures: Figures) -> Lines:
    """Calibration, and false positives of the thresholds."""
    part = figures["train"]
    lines = ["\n### Scores and thresholds\n"]
    errors = [f"{part['calibrationError']:.4f} out-of-fold"]
    if "validation" in figures:
        errors.append(f"{figures['validation']['calibrationError']:.4f} on validation")
    lines.append(f"Expected calibration error: {', '.join(errors)}.")
    for title, each in (("out-of-fold", part), ("on validation", figures.get("validation"))):
        if each and each["routineEdits"]:
            edits = each["routineEdits"]
            lines.append(
                f"Of {edits['count']} routine edits ({title}), {edits['warned']:.2%} are warned of and "
                f"{edits['denied']:.2%} are above the threshold of denial."
            )
    lines += [
        "\nFalse positives of each group by thresholds that have not seen the source (nominal 1 % and 0.1 %), with "
        "the upper 90 % bound:\n",
        "| group | benign | above warn | bound | above deny | bound |",
        "|---|---|---|---|---|---|",
    ]
    for name, each in part["byGroup"].items():
        cells = " | ".join(f"{each[key]:.2%}" for key in ("warned", "warnedUpper", "denied", "deniedUpper"))
        lines.append(f"| {name} | {each['benign']} | {cells} |")
    return lines


def shares(title: str, found: Figures) -> Lines:
    """What is found by attack or by source."""
    lines = [f"| {title.lower()} | rows | at 1 % | at 0.1 % |", "|---|---|---|---|"]
    for name, each in found.items():
        lines.append(f"| {name} | {each['count']} | {each['found'][0]:.2f} | {each['found'][1]:.2f} |")
    return lines


def ablations(found: Figures) -> Lines:
    """What each group of features is good for."""
    lines = ["\n### Without a part\n"]
    lines.append(
        "Out-of-fold by plain logits. The prior still weighs the features that are left out, but for the last rows.\n"
    )
    lines += ["| trained with | recall at 1 % | at 0.1 % |", "|---|---|---|"]
    return lines + [f"| {name} | {at_one:.3f} | {at_tenth:.3f} |" for name, (at_one, at_tenth) in found.items()]


INTRODUCTION = """\
# The risk models

Two small ensembles of trees estimate how much an object, or a change, looks like an attack; a third, an isolation
forest, says how unlike benign objects an object is. They are trained with `model/training/` and released in
`model/trained/` (version {version}, feature version {featureVersion}, seed {seed}); every figure below is written
by the training and stands in `model/trained/figures.json` as well.

- **What for.** A score beside the policies: it warns, and it denies only where a policy or the p-value says so,
  too.
- **What not for.** It is no proof of guilt, and its silence no proof of innocence. It reads a manifest and its old
  version with what is usual there, neither who asks nor what an image contains.
- **Features.** Counted by the code that serves (`src/risk/features.ts`), never by Python; all values are multiples
  of 1/64. Size, number of labels and the look of names are left out on purpose: attack samples are short and bare,
  and a model would learn that instead.
- **The prior.** People's weights for each danger, more for what no benign object of the corpus has and less for
  what many have. Its table of rates is counted once over all benign training rows; counted anew without the source
  in question, the prior alone loses 0.02 to 0.04 of recall, so the out-of-fold figures are too good by about as
  much. Features and weights were written with the misses and false alarms on training sources at hand, which makes
  these figures look better as well; validation had no part in that.
- **Our own examples.** `model/training/dangers.py` says what people know to be dangerous as edits of benign
  objects. They train with a small weight and are in no figure.
- **Software of nodes.** Lists written by people say which images usually need a node (network, storage, devices,
  logs, guards) and which never do (bare systems, web servers, databases). They look at names, which anybody may
  choose: they say what is usual, and the commands, rights and paths beside them count whoever it is.
- **Training.** LightGBM, 80 trees of at most 24 leaves, monotone wherever more is never safer; the object model
  starts from a line over the prior. Changes train twice: with what is usual there, and without. A passing fixture
  of a policy tool weighs a tenth: it passes one check, and often fails others.
- **Scores.** A line for each group of kinds turns the logit into a probability on out-of-fold logits; thresholds
  and p-values are split conformal in the same groups.
- **Folds.** A source is never on both sides; of authored records (which have no source) a family.

Positives are attacks, seeded weaknesses and fixtures of policy tools, all of severity high. False positives are
counted on real benign manifests and real commits. At 0.1 % that is about ten rows: a few odd benign objects move
these figures by a tenth."""

LIMITS = """
## Known misses

- **Fixtures of a single check** make up two fifths of the positive objects: a Service without TLS, a default
  service account, a binding of a role that does not exist, a container without a read-only file system. Benign
  manifests of maintained projects have the same, so without the look of names and sizes there is nothing to tell
  them apart. They keep the recall over all positives below its bar; what is found of attacks stands in the next
  line of the table.
- **Validation has four times as many positives among its objects as training has**, most of them fixtures of one
  library of policies: probabilities that fit training are too low there, which is most of its calibration error.
- **Roles that read secrets, cluster-admin for a service account of the same project**: operators have them, too.
- **An image from an unknown account with nothing else about it**, and Pods that only wait for their attacker.
- **Credentials in plain environment variables**: common in benign charts.
- **Edits that remove nothing and add one quiet right** are told from releases only at rates above 0.1 %.
- Some benign rows near the top are attacks in truth (files of security training that lie in benign repositories);
  they count as false positives here.
- English, open source, Linux: Windows, OpenShift and private applications are thin in the corpus.
- The authored attacks are modelled on public reports: figures on them show imagination as much as attackers."""

REPRODUCE = """
## How to make them again

npm run model:train -- --corpus <dir> --validation # all figures; `--quick` leaves out those that take many fits

Python and its packages (`model/training/requirements.txt`) go into a cache outside the checkout. The same corpus
and the same versions give the same files, byte for byte. Corpus: `train.jsonl.gz` {corpus[train]},
`changes-train.jsonl.gz` {corpus[changes]}."""


if __name__ == "__main__":
    write_card(Path(sys.argv[2]), json.loads(Path(sys.argv[1]).read_text()))
