"""What serving must know at once: popularity, histories and profiles, kept in memory."""
