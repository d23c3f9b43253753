module chinwag/ring

go 1.21

require (
	github.com/buraksezer/consistent v0.10.0
	github.com/serialx/hashring v0.0.0-20200727003509-22c0c7ab6b1b
	stathat.com/c/consistent v1.0.0
)

require github.com/stretchr/testify v1.12.1 // indirect
