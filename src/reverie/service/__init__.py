"""The service: the product over HTTP, and the page.

Routes are thin: they check what was asked, call the same functions as the command line, or hand the work to a job. What
guards them (hosts, origins, keys, sizes, time) stands in front of all routes, so that no route can forget it.
"""
