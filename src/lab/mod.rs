//! Sample apps with switchable faults, each the contract of one real system.
