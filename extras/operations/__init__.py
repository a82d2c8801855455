"""Operations on a running system: explain, score in bulk, erase, recalibrate, shadow and canary."""
