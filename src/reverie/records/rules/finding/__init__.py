"""Rules found in a table: states.py what goes with what, orders.py what comes before what, courses.py how columns go on from
visit to visit, sums.py what follows from other columns by arithmetic; evidence.py is how none of them is chance."""
