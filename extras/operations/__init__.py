"""Operations on a running system: the whole loop, explanations, bulk scoring, recalibration."""
