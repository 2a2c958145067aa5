#!/bin/bash
# Four workers of one search on a Slurm cluster: sbatch --export=ALL,FAIRTUNE_STORAGE=... scripts/launch/slurm_array.sh
#SBATCH --job-name=fairtune
#SBATCH --array=0-3
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

# postgresql://user@server/database; the password is in ~/.pgpass. The output folder is on a file system of all nodes.
srun fairtune search \
  --dataset "${DATASET:?a table of images}" --label malignant --positive yes --group sex --group age:60 \
  --cluster patient_id --model google/vit-base-patch16-224 --trials 40 \
  --storage "${FAIRTUNE_STORAGE:?a database}" --grace_period 120 \
  --output_dir "${OUTPUT_DIR:-fairtune-lesions}"
