#!/bin/bash
# Four workers of one search on Hugging Face Jobs:
# FAIRTUNE_STORAGE=... PGPASSWORD=... BUCKET=me/runs IMAGE=... DATASET=... bash scripts/launch/hf_jobs.sh
set -euo pipefail

# Locks do not hold across mounts of a bucket, so each job has a folder of its own: trials are shared by the database,
# the baselines are the first job's alone, and the others train the winner once.
for worker in 0 1 2 3; do
  beside=(--baselines none --seeds 1)
  if [ "$worker" = 0 ]; then beside=(); fi
  hf jobs run --detach --flavor "${FLAVOR:-a10g-small}" --timeout 8h --name "fairtune-$worker" \
    --secrets HF_TOKEN --secrets PGPASSWORD --volume "hf://buckets/${BUCKET:?a bucket for what comes out}:/runs" \
    "${IMAGE:?an image with hf-fairtune[postgres]}" \
    fairtune search \
    --dataset "${DATASET:?a data set on the Hub}" --label malignant --positive yes --group sex --group age:60 \
    --cluster patient_id --model google/vit-base-patch16-224 --trials 40 \
    --storage "${FAIRTUNE_STORAGE:?a database}" --grace_period 120 \
    --output_dir "/runs/lesions-$worker" "${beside[@]}"
done
