"""Migration barriers of vacancies, interstitials and adatoms: their steps and report section."""
