//! What every module may use and none of the domain lives in: places, diagnostics, secrets, the clock, printing.
