package scenariofile

// Found is what `harness explore` notes in the scenario file of a finding, so that it can
// play it again first. `harness run` does not need it.
type Found struct {
	ID       string     `json:"id" jsonschema:"required,description=Short and the same in every run."`
	Target   string     `json:"target" jsonschema:"required"`
	Severity string     `json:"severity,omitempty" jsonschema:"enum=corruption,enum=crash,enum=hang,enum=spin,enum=leak,enum=wrong-status,enum=noise"`
	Code     string     `json:"code" jsonschema:"required,description=What is wrong in a stable word."`
	Symptom  string     `json:"symptom,omitempty" jsonschema:"description=What distinguishes it from others of the same code."`
	State    string     `json:"state" jsonschema:"required,enum=new,enum=ongoing,enum=resolved,enum=regressed"`
	Seed     int64      `json:"seed,omitempty"`
	Point    FoundPoint `json:"point" jsonschema:"required,description=The simplest point that shows it."`
	Flags    []string   `json:"flags,omitempty" jsonschema:"description=Flags of the command line that name the target."`
	Folder   string     `json:"folder,omitempty" jsonschema:"description=Where that command was typed."`
}

// FoundPoint is one fault at one place of a conversation.
type FoundPoint struct {
	Direction  string `json:"direction" jsonschema:"required,enum=upstream,enum=downstream"`
	Offset     int64  `json:"offset" jsonschema:"required,minimum=0,maximum=2147483647"`
	Fault      string `json:"fault" jsonschema:"required,enum=split,enum=coalesce,enum=fin,enum=half_close,enum=reset,enum=vanish,enum=stall,enum=heal,enum=corrupt,enum=duplicate,enum=refuse,enum=blackhole,enum=drop,enum=silence,enum=reorder,enum=truncate"`
	Read       bool   `json:"read,omitempty"`
	Pipelined  bool   `json:"pipelined,omitempty"`
	Split      int64  `json:"split,omitempty" jsonschema:"minimum=0,maximum=2147483647"`
	Exchanges  int    `json:"exchanges,omitempty" jsonschema:"minimum=0,maximum=1000000"`
	Connection int    `json:"connection,omitempty" jsonschema:"minimum=0,maximum=1000000"`
	Datagram   bool   `json:"datagram,omitempty"`
	Kept       string `json:"kept,omitempty" jsonschema:"enum=first,enum=half,enum=most"`
}
