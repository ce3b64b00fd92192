"""Noise schedules in numbers: how much of the data is left at each step, and whether the last step is noise.

    python examples/01_schedule.py [FOLDER]

Sampling starts from N(0, I), so x_T should be that too: alpha_bar_T, the share of the signal's power left, near 0.
"""

import sys
import tempfile
import warnings
from pathlib import Path

from reverie.process import NoiseSchedule, TerminalSNRWarning
from reverie.studies.figures import save_figure, schedule_figure

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))

with warnings.catch_warnings(action="ignore", category=TerminalSNRWarning):  # read below, as schedule.warning
    schedules = {
        "linear": NoiseSchedule.linear(1000, beta_min=1e-4, beta_max=0.02),
        "cosine": NoiseSchedule.cosine(1000),
        # The published clinical schedule is the first half of the linear one, so it stops while there is signal left.
        "clinical": NoiseSchedule.linear(500, beta_min=1e-4, beta_max=0.01),
    }
schedules["clinical, rescaled"] = schedules["clinical"].with_zero_terminal_snr()

print(f"{'schedule':20}{'T':>6}{'beta_1':>12}{'beta_T':>12}{'alpha_bar_T':>14}{'SNR_T, dB':>12}")
for name, s in schedules.items():  # every table has T + 1 entries and is indexed by t itself
    print(f"{name:20}{s.steps:>6}{s.beta[1]:>12.3g}{s.beta[-1]:>12.3g}{s.alpha_bar[-1]:>14.3g}{s.snr_db[-1]:>12.1f}")
    if s.warning:
        print(f"  {s.warning}")

print("written:", save_figure(schedule_figure(schedules), folder / "schedules.png"))
