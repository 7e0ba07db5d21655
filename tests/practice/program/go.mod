module practice

go 1.21
