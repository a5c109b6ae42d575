"""System checks: settings that can not work are named at start, with a cure."""
