package authorcmd

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/schema"
)

func newSchema() *cobra.Command {
	kinds := append(schema.Kinds(), schema.All, schema.Result)
	return &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schema of harness.yaml, dialogues, scenario files, waivers and results",
		Long: `Print the JSON Schema of the files that harness reads, for completion and checks in
an editor. KIND is config (harness.yaml), dialogue, scenario or waivers. Without
KIND the schema is for all four: it recognises them by their keys. KIND result is the
JSON that run, explore and report merge write.

Write the schema beside your files, and begin each of them with one of these lines:

  # yaml-language-server: $schema=harness.schema.json    VS Code, Vim, Neovim, Emacs
  # $schema: harness.schema.json                         JetBrains

What the schema refuses, harness lint refuses too; lint finds more.`,
		Example: `  harness schema > harness.schema.json
  harness schema scenario`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: kinds,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := schema.All
			if len(args) == 1 {
				kind = args[0]
			}
			if !slices.Contains(kinds, kind) {
				return cli.UsageErrorf("schema %q: want config, dialogue, scenario, waivers or result", kind)
			}
			text, err := schema.Marshal(kind)
			if err != nil {
				return cli.HarnessErrorf("%w", err)
			}
			if _, err := cmd.OutOrStdout().Write(text); err != nil {
				return cli.HarnessErrorf("%w", err)
			}
			return nil
		},
	}
}
