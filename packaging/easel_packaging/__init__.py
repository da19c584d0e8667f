"""Makes what easel ships: functions, API description, CRDs for the checks."""
