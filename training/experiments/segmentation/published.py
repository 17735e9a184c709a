"""The figures of the MCE and CDFL papers that ours are set beside, in percent; None where a paper has none.
docs/science/methods.md says which of them cannot be reproduced and why."""

from collections.abc import Mapping

Figures = Mapping[str, float | None]
_MCE = ("mIoU", "mAcc", "OA", "head", "body", "tail")
_CDFL = ("mIoU", "mAcc", "mPre", "mRec")


def _rows(columns: tuple[str, ...], **rows: tuple[float | None, ...]) -> dict[str, Figures]:
    return {name: dict(zip(columns, figures, strict=True)) for name, figures in rows.items()}


#: Key of a table -> its row -> column -> figure.
TABLES: dict[str, dict[str, Figures]] = {
    # MCE paper, Table I, TLM dataset. Its mIoU and mAcc count the never-trained background as a class.
    "I deeplabv3plus": _rows(
        _MCE,
        CEL=(53.2, 59.6, 89.2, 91.7, 60.8, 23.6),
        WCEL=(27.1, 41.5, 68.6, 73.7, 40.0, 0.0),
        CBL=(40.4, 52.6, 77.0, 80.4, 68.0, 0.0),
        SL=(50.5, 64.6, 86.9, 89.4, 71.3, 37.6),
        MCE2=(53.9, 68.8, 87.6, 89.7, 73.7, 54.2),
        MCE3=(53.6, 70.0, 87.2, 89.3, 72.8, 62.0),
        oracle=(69.5, 82.3, 89.3, 90.6, 92.7, 91.1),
    ),
    "I unet": _rows(
        _MCE,
        CEL=(45.2, 51.1, 86.8, 89.6, 50.9, 0.0),
        WCEL=(22.4, 35.7, 63.0, 68.9, 27.2, 0.0),
        CBL=(33.2, 44.1, 79.6, 83.2, 36.2, 0.0),
        SL=(48.0, 65.0, 86.3, 88.6, 74.4, 36.4),
        MCE2=(52.0, 66.0, 86.1, 88.4, 73.0, 44.0),
        MCE3=(49.0, 69.1, 85.0, 87.5, 71.2, 63.4),
        oracle=(69.2, 81.2, 88.0, 89.6, 91.7, 89.6),
    ),
    # Table II, FLAIR.
    "II": _rows(
        _MCE,
        CEL=(37.9, 52.4, 73.1, 73.7, 64.5, 17.5),
        WCEL=(33.2, 63.0, 66.0, 65.8, 74.1, 50.4),
        CBL=(36.7, 59.5, 71.9, 70.7, 66.6, 40.4),
        SL=(37.4, 54.0, 71.3, 72.6, 66.6, 21.9),
        MCE2=(39.0, 55.8, 72.8, 70.5, 73.0, 24.3),
        MCE3=(38.8, 61.6, 73.3, 70.8, 73.3, 41.2),
        oracle=(49.1, 71.9, 77.2, 72.3, 91.4, 55.0),
    ),
    # Table III, accuracy of each expert alone.
    "III": _rows(
        ("head", "body", "tail"),
        expert_1=(90.6, 59.2, 23.0),
        expert_2=(5.4, 92.7, 68.2),
        expert_3=(9.2, 5.0, 91.1),
        MCE3=(89.3, 72.8, 62.0),
        oracle=(90.6, 92.7, 91.1),
    ),
    # Table IV, adapted learning rate and complementary loss.
    "IV": _rows(
        ("mIoU", "mAcc", "head", "body", "tail"),
        neither=(37.9, 72.1, 72.9, 87.1, 84.1),
        rate=(40.5, 69.7, 79.6, 83.1, 64.8),
        both=(53.6, 70.0, 89.3, 72.8, 62.0),
    ),
    # Table V, aggregations.
    "V": _rows(
        _MCE,
        mean=(53.6, 70.0, 87.2, 89.3, 72.8, 62.0),
        max=(51.5, 72.1, 86.4, 88.4, 77.4, 67.6),
        zero=(54.6, 68.3, 87.6, 89.8, 69.9, 57.3),
        mlp=(51.6, 59.5, 86.0, 88.9, 56.8, 34.5),
        cnn=(50.0, 67.8, 85.5, 88.1, 63.9, 67.2),
    ),
    # CDFL paper, Cityscapes and VOC 2010.
    "CDFL cityscapes": _rows(
        _CDFL,
        CE=(66.51, 76.33, 80.78, 77.86),
        focal=(62.1, 74.47, 79.25, 72.75),
        lovasz=(57.14, 70.51, 75.22, 70.51),
        CDFL=(66.62, 76.41, 81.23, 78.11),
    ),
    "CDFL voc": _rows(
        _CDFL,
        CE=(66.72, 76.85, 80.32, 76.23),
        focal=(62.45, 75.74, 76.45, 70.57),
        lovasz=(59.43, 64.16, 69.56, 63.24),
        CDFL=(67.74, 79.63, 81.85, 79.63),
    ),
}
