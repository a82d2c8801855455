"""What every process agrees on: columns, features, models, metrics, predictions and which model is champion."""
