"""The machinery behind `core/predict.py`: reading ahead, devices, blending, writing and resuming."""
