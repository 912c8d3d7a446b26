package api

import (
	"os"
	"testing"

	"github.com/rs/zerolog"
)

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // Toxiproxy's bandwidth logs each interrupt
	os.Exit(m.Run())
}
