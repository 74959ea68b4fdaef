"""What is looked for by itself: renewals, trials, cards, the day's figures. Scans are rows; their only output is facts."""
