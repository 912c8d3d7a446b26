package runcmd

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
)

func (f *runFlags) registerShardFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.shardFlag, "shard", "", "run part `I/N` of the selection, such as 2/8; auto: read it from the CI's variables (merge the results with `harness report merge`)")
	flags.StringVar(&f.runID, "run-id", "", "`ID` of the run, the same for all its shards (default: from the CI's variables, else derived)")
	flags.StringVar(&f.timings, "timings", "", "earlier result `FILE` whose times balance the shards (default: the baseline)")
	flags.StringVar(&f.baseline, "baseline", "", "earlier result `FILE` to compare with: only new and regressed failures are red")
	flags.BoolVar(&f.updateBaseline, "update-baseline", false, "write this result to the --baseline file, so that later runs are compared with it")
}

// checkShard finds what is wrong with the flags of shards and baselines.
func (f *runFlags) checkShard(cmd *cobra.Command) error {
	shard, err := cli.ParseShard(f.shardFlag, os.Getenv)
	if err != nil {
		return err
	}
	f.shard = shard
	if shard != nil && !cmd.Flags().Changed("seed") {
		f.seed = sharedSeed(givenID(f.runID, os.Getenv))
	}
	switch {
	case shard != nil && f.update:
		return cli.UsageErrorf("--update-waivers excludes --shard: a shard knows a part of the failures only")
	case shard != nil && f.updateBaseline:
		return cli.UsageErrorf("--update-baseline excludes --shard: merge the shards with `harness report merge --update-baseline`")
	case f.updateBaseline && f.baseline == "":
		return cli.UsageErrorf("--update-baseline: say which file with --baseline FILE")
	case f.zoo && (shard != nil || f.baseline != ""):
		return cli.UsageErrorf("--zoo excludes --shard and --baseline: it judges the whole, by what is planted")
	case f.updateBaseline:
		return cli.CheckWritable("baseline", f.baseline)
	}
	return nil
}
