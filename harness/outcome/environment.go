package outcome

// An Environment says where and how a run was made, so that a report can be read
// without asking.
type Environment struct {
	Version string   `json:"harness,omitempty"` // of the harness
	OS      string   `json:"os,omitempty"`      // linux/amd64
	Kernel  string   `json:"kernel,omitempty"`  // release of the kernel
	CPUs    int      `json:"cpus,omitempty"`    // number of processors
	Host    string   `json:"host,omitempty"`    // name of the machine
	CI      string   `json:"ci,omitempty"`      // github, gitlab, …
	Commit  string   `json:"commit,omitempty"`  // as the CI names it
	Command []string `json:"command,omitempty"` // the command line
	Config  string   `json:"config,omitempty"`  // the configuration file
}
