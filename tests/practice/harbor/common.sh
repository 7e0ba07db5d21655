#!/bin/bash
# Harbor keeps its shell helpers here; the practice installer needs none.
