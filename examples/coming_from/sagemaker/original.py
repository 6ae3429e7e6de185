"""Start a search, wait for its end, and show the best hyperparameters."""

import json
import boto3
import time
from pathlib import Path

job = json.loads(Path("tuning_job.json").read_text())
sagemaker = boto3.client("sagemaker")
sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="boost", **job)
state = "InProgress"
while state == "InProgress":
    time.sleep(30)
    found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="boost")
    state = found["HyperParameterTuningJobStatus"]
print(found["BestTrainingJob"]["TunedHyperParameters"])
