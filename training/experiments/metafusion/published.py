"""The figures of the MetaFusion paper that ours are set beside: numbers only, from its tables 1 and 2."""

from typing import NamedTuple


class Published(NamedTuple):
    """F1, false positives, false negatives and Delta of one decision rule; None where the paper has none."""

    f1: float | None
    fp: int
    fn: int
    delta: float | None = None


#: Table 1: rare class of CIFAR-10 -> Bayes, ML, MetaFusion.
CIFAR10: dict[int, tuple[Published, Published, Published]] = {
    0: (Published(0.66, 85, 461), Published(0.70, 619, 132, 1.62), Published(0.72, 175, 332, 0.70)),
    1: (Published(0.58, 21, 585), Published(0.78, 169, 253, 0.45), Published(0.79, 103, 280, 0.27)),
    2: (Published(0.41, 39, 729), Published(0.54, 698, 367, 1.82), Published(0.50, 112, 629, 0.73)),
    3: (Published(0.15, 17, 915), Published(0.53, 502, 452, 1.05), Published(0.42, 138, 691, 0.54)),
    4: (Published(0.46, 70, 682), Published(0.60, 852, 203, 1.63), Published(0.63, 195, 452, 0.54)),
    5: (Published(0.34, 35, 787), Published(0.61, 528, 330, 1.08), Published(0.56, 207, 532, 0.67)),
    6: (Published(0.67, 41, 473), Published(0.75, 336, 202, 1.09), Published(0.77, 137, 293, 0.53)),
    7: (Published(0.65, 24, 506), Published(0.74, 248, 261, 0.91), Published(0.73, 106, 368, 0.60)),
    8: (Published(0.69, 29, 459), Published(0.79, 183, 234, 0.68), Published(0.79, 126, 260, 0.49)),
    9: (Published(0.64, 31, 516), Published(0.76, 185, 273, 0.63), Published(0.76, 132, 309, 0.49)),
}
CIFAR10_MEAN = (Published(0.52, 39, 611), Published(0.68, 432, 271, 1.09), Published(0.67, 143, 415, 0.56))
#: Total accuracy on the validation set, mean of the ten networks: Bayes, ML, MetaFusion.
CIFAR10_ACCURACY = (0.75451, 0.76563, 0.76707)


class Row(NamedTuple):
    """A row of table 2: mIoU, FP, FN and Delta of the adjusted rule, then of MetaFusion."""

    miou: float
    fp: int
    fn: int
    delta: float | None
    fused_miou: float
    fused_fp: int
    fused_fn: int
    fused_delta: float | None


#: Table 2, persons on Cityscapes validation: backbone of the DeepLabV3+ -> alpha -> row.
CITYSCAPES: dict[str, dict[float, Row]] = {
    "MobileNetV2": {
        0.0: Row(0.684, 865, 839, None, 0.684, 865, 839, None),
        0.9: Row(0.675, 1644, 631, 3.735, 0.683, 1167, 720, 2.538),
        0.95: Row(0.668, 1988, 571, 4.190, 0.682, 1169, 670, 1.799),
        0.975: Row(0.661, 2352, 533, 4.860, 0.681, 1191, 648, 1.701),
        0.99: Row(0.653, 2827, 496, 5.720, 0.680, 1247, 611, 1.676),
        0.995: Row(0.649, 3155, 485, 6.469, 0.680, 1329, 586, 1.834),
        1.0: Row(0.600, 4885, 476, 11.074, 0.680, 1606, 553, 2.590),
    },
    "Xception65": {
        0.0: Row(0.753, 774, 679, None, 0.753, 774, 679, None),
        0.9: Row(0.746, 1314, 530, 3.624, 0.752, 1055, 614, 4.323),
        0.95: Row(0.742, 1579, 487, 4.193, 0.752, 1079, 583, 3.177),
        0.975: Row(0.737, 1783, 458, 4.566, 0.751, 1118, 571, 3.185),
        0.99: Row(0.732, 2068, 433, 5.260, 0.751, 1103, 549, 2.531),
        0.995: Row(0.731, 2219, 425, 5.689, 0.750, 1154, 532, 2.585),
        1.0: Row(0.705, 3003, 421, 8.640, 0.750, 1272, 508, 2.912),
    },
}
