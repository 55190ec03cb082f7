"""The forms of subentries."""
