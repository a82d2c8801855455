-- One database for MLflow's runs, one for predictions and outcomes.
CREATE DATABASE mlflow;
CREATE DATABASE predictions;
