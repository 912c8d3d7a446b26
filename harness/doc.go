// Package harness holds the floors of the project and nothing else: a rig with
// two peers and a proxy between them, and a verdict on how the peers behave
// when the stream between them misbehaves.
//
// Where to go:
//
//	I want to …                                       go to
//	add a verb                                        cmd/harness/internal/<group>cmd: a file of its name, and Commands there; a new group: groups in cmd/harness/main.go
//	add a report format                               harness/report: a file of its name, and the list in formats.go, which makes the flag of run, explore and report
//	change what a user reads                          harness/report
//	add a scenario                                    scenarios/<topic>: Scenarios in the file of the topic's name lists them
//	add a topic                                       scenarios/<topic>, and the list in scenarios/scenarios.go
//	add an oracle, a check on all scenarios           harness/scenario: oracle_server.go or oracle_client.go, and what breaks it in oracle_test.go
//	add a toxic                                       toxics/<name>.go, and the list in toxics/catalogue.go; Intact and Prompt there say what oracles may still expect
//	add a toxic for UDP                               harness/datagram, and the list in catalogue.go there
//	change how a toxic is written                     toxics/spec
//	follow a byte                                     harness/proxy, then harness/link, then harness/sock
//	find what explore finds, or fails to              harness/explore: judge_*.go, then search.go
//	follow a variant on the wire                      harness/rig: play.go
//	add what a scenario's own code may do             harness/scenario: rig.go, then harness/rig
//	follow a verdict                                  harness/runner, harness/scenario, harness/outcome, harness/report
//	find why a hang was (not) proven                  harness/await, then harness/probe
//	speak to Toxiproxy clients                        harness/api
//	change the live page                              harness/ui/files
//	start and watch programs                          harness/peer, harness/probe
//	change what a command is told ({tmp}, {self}, …)  harness/rig: programs.go, and startserver.go and startclient.go beside it
//
// What is generated from these lists (scenarios/README.md and others) is written anew by
// go test -update; a test that finds it stale says the command.
//
// Imports point to a lower floor only, or within a floor to the packages named
// left of a bar; layers_test.go holds this picture true and says who broke it.
//
//	floor 9   cmd/harness
//	floor 8   cmd/harness/internal/<group>cmd   cmd/bench
//	floor 7   cmd/harness/internal/cli   scenarios | cmd/harness/internal/{targets,transport,outputs}   harness/socktest | harness/socktest/match
//	floor 6   scenarios/<topic>
//	floor 5   harness/{api,suite}
//	floor 4   harness/{runner,coordinator} | harness/{gosuite,explore,mutate}
//	floor 3   harness/{rig,schema}
//	floor 2   toxics | harness/{proxy,datagram,scenario,report,waiver,await,capture,ui} | harness/scenariofile
//	floor 1   harness/sock | harness/{link,peer,probe,dialogue,outcome,nameserver} | harness/tlsconn   toxics/spec | toxics/engine | toxics/adapter
//	floor 0   harness/{event,seed,sleep,eintr,excerpt,lifetime,plural,packed}   harness/suggest   harness/stacktrace   fixtures/<protocol>/<language>-<trait> | harness/{strictyaml,procstat}   toxics/hook
package harness
