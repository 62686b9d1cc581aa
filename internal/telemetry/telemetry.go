// Package telemetry makes the logger that all of Orderly writes to, and joins Temporal's log and metrics to it.
package telemetry

import (
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// Logger makes a logger to standard error. Level is debug, info, warn or error; format json or console.
func Logger(level, format string) (*zap.Logger, error) {
	config := zap.NewProductionConfig()
	if format == "console" {
		config = zap.NewDevelopmentConfig()
		config.Development = false
		config.DisableStacktrace = true
	}
	if err := config.Level.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: %w", level, err)
	}
	config.Sampling = nil
	config.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	return config.Build()
}

// Temporal is the logger as Temporal's SDK wants it; the SDK's chatter below warnings is left out.
func Temporal(logger *zap.Logger) log.Logger {
	core, err := zapcore.NewIncreaseLevelCore(logger.Core(), zapcore.WarnLevel)
	if err != nil { // the logger is quieter than warnings already
		core = logger.Core()
	}
	return log.NewStructuredLogger(slog.New(zapslog.NewHandler(core, zapslog.WithName("temporal"))))
}
