"""The model card's text, with a placeholder for every number."""

TEMPLATE = """# Model card: {name}, version {version}

**{question}** The answer is a probability, and an alert if it is at least {threshold:.3f}: the threshold with the
lowest cost on validation, if a miss costs as much as {miss:g} false alarms.

The gate **{verdict}** it. {reasons}

## Scope

{scope} It predicts {lead} hours before the event, from {inputs} inputs that are known by then; not for other
lead times.

## Training data

Source: {source}. Rows without an outcome are left out.

{data}

{labels}

## Metrics

On the holdout, which comes after training and validation; 95 % intervals by resampled days. The holdout's days were
read {accesses} times so far, by all commands, for {candidates} candidates; the best of many looks a little better than
it is.

{metrics}

The candidate's margin over each (positive is better):

{margins}

![Holdout](holdout.png)

## What an alert is worth

Of the riskiest {budget:.0%} of {rows_name}, {precision:.0%} were {positive}, {lift:.1f} times as many as of all:
{wrong:.0%} of such alerts are wrong. Deciding by the threshold cost {cost:.0f} false alarms per 1,000 {rows_name}; by
the heuristic {heuristic_cost:.0f}.

## Slices

The intervals hold for all slices at once. The gate blocks a candidate if a slice's ROC-AUC is significantly below
{floor}, or significantly worse than with the champion.

{slices}

![Slices](slices.png)

## Calibration

Calibration error {calibration}. Brier's parts: reliability {reliability:.4f} (lower is better), resolution
{resolution:.4f} (higher is better), uncertainty {uncertainty:.4f} (the data's own), within the bins
{within_bins:+.4f}. What recalibration gains, on days of validation that it was not fitted on and on the holdout
(positive is better):

{recalibration}

It was **{kept}**: it is kept if the Brier score on validation improves significantly.

## Missing feeds

With any one feed missing it must be at least as good as the heuristic, which would answer instead:

{missing_feeds}

## Wrong inputs

{corrupted}

`make stress` injects these and more failures into live traffic, and says which check catches each.

## Known failures

{failures}

## Cost

One row takes {row_ms:.2f} ms (median, one thread). The served files have {model_mb:.2f} MB: {features} features of
{inputs} inputs. It was fitted in {fit_seconds:.1f} s.

## Monitoring and rollback

`make monitor` compares the traffic's columns with the {rows:,} {rows_name} of the holdout, which are published with
this card, and the outcomes with a ROC-AUC of {expected_auc:.3f} and a calibration error of {expected_error:.3f}.
{age} days after {as_of} it recommends a new model. To roll back, run `make rollback`: {way_back}.

## Provenance

{provenance}
"""

WRONG_ALERTS = (
    "- **Alerts can be wrong.** {share:.0%} of the alerts within the budget were; a wrong one must be affordable."
)
HARD_SLICES = "- **Some slices are harder than others.** The weakest is {name}: ROC-AUC {auc:.2f}."
SEASON = """
- **The season changes the rate.** The probabilities were off by {error:.3f} on average; the budget of alerts
  uses the rank and stays right, the threshold is a level and drifts.
""".strip()
MISSING_FEEDS = """
- **Missing feeds hurt, frozen ones more.** With the {feed} feed missing the calibration error is {error:.3f};
  a frozen feed has no gap: the monitor's feed checks find it.
""".strip()
WRONG_OUTCOMES = "- **Recorded outcomes can be wrong**: `make labels` searches for wrong ones."
