module lockkeeper.dev/tools/sarif

go 1.26.8

require github.com/owenrumney/go-sarif/v3 v3.3.1
