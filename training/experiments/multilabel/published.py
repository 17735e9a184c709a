"""What papers 001 and 003 print, to stand beside ours. They used BigEarthNet: other data, same columns."""

#: Paper 001, table 1: (network, split) -> macro P R F1 F2, micro P R F1 F2.
SPLITS = {
    ("ShortCNN", "original"): (0.148, 0.133, 0.130, 0.130, 0.378, 0.378, 0.378, 0.378),
    ("ShortCNN", "resampled"): (0.377, 0.251, 0.287, 0.263, 0.567, 0.503, 0.533, 0.514),
    ("InceptionV3", "original"): (0.021, 0.004, 0.005, 0.004, 0.422, 0.016, 0.031, 0.020),
    ("InceptionV3", "resampled"): (0.405, 0.182, 0.207, 0.189, 0.712, 0.506, 0.591, 0.537),
}
#: Paper 003, table 1: loss -> overall P, R, F1 in percent.
LOSSES = {
    "bce": (75.2, 58.2, 62.3),
    "focal": (72.2, 57.8, 61.1),
    "wbce": (76.2, 64.5, 66.2),
    "hamming": (75.9, 60.4, 64.2),
    "huber": (76.6, 59.9, 64.1),
    "ranking": (58.0, 76.5, 62.9),
    "sparsemax": (70.7, 74.4, 69.9),
}
#: Paper 003, table 2: overall accuracy, imbalance awareness, convexity and differentiability, efficiency.
MARKS = {
    "bce": ("L", "L", "M", "M"),
    "focal": ("L", "H", "M", "L"),
    "wbce": ("M", "H", "M", "L"),
    "hamming": ("M", "L", "NA", "M"),
    "huber": ("M", "L", "H", "M"),
    "ranking": ("L", "L", "NA", "H"),
    "sparsemax": ("H", "M", "M", "H"),
}
