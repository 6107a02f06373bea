"""Files on the local disk. `disk` has the careful calls, `folders` the places, `parts` what is on its
way, `tree` the one door for changes to what people see."""
