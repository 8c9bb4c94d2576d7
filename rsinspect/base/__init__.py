"""The ground floor: errors, numbers as text, words, files, programs."""
