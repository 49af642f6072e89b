from pathlib import Path
def write_card(path: Path, result: dict) -> None:
    pass
