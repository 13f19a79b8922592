#!/bin/bash
#SBATCH --job-name=report
# Submit it with the password sealed, which Slurm may store and show:
#   DB_PASSWORD="sealed:$(poolcert encrypt --pool POOL --base64 password.txt)" sbatch job.sh

# Only this program gets the plaintext, in its environment.
srun poolcert exec -- ./report --fast
