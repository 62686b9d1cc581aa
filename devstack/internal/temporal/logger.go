package temporal

import (
	"fmt"
	"os"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// newLogger logs warnings and errors to a file. One older log is kept.
func newLogger(path string) log.Logger {
	_ = os.Rename(path, path+".1")
	return fatalLogger{
		Logger: log.NewZapLogger(log.BuildZapLogger(log.Config{Level: "warn", OutputFile: path})),
		path:   path,
	}
}

// fatalLogger also tells the terminal why, when the server ends the whole process.
type fatalLogger struct {
	log.Logger
	path string
}

// With keeps the tags in the encoder. Without it they would be copied for every call, logged or not.
func (l fatalLogger) With(tags ...tag.Tag) log.Logger {
	return fatalLogger{Logger: log.With(l.Logger, tags...), path: l.path}
}

// Fatal does not return.
func (l fatalLogger) Fatal(msg string, tags ...tag.Tag) {
	fmt.Fprintf(os.Stderr, "devstack: temporal: %s (log: %s)\n", msg, l.path)
	l.Logger.Fatal(msg, tags...)
}
