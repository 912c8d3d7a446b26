// Presets: a situation that people know, as toxics.
export const presets = [
  {name: 'Train tunnel', about: 'slow and lossy, then everything stops for 8 s and goes on', toxics: [
    {name: 'tunnel_delay', type: 'latency', stream: 'downstream', attributes: {latency: 300, jitter: 150}},
    {name: 'tunnel_rate', type: 'bandwidth', stream: 'downstream', attributes: {rate: 50}},
    {name: 'tunnel_stop', type: 'stall', stream: 'downstream', attributes: {duration: 8000}, at: {time: 3000}}]},
  {name: 'Dying upstream', about: 'answers slowly, then in half, then by a reset', toxics: [
    {name: 'dying_delay', type: 'latency', stream: 'downstream', attributes: {latency: 1000, jitter: 500}},
    {name: 'dying_reset', type: 'reset', stream: 'downstream', at: {byte: 512}}]},
  {name: 'Slow phone', about: 'a weak mobile network', toxics: [
    {name: 'phone_down', type: 'bandwidth', stream: 'downstream', attributes: {rate: 100}},
    {name: 'phone_up', type: 'bandwidth', stream: 'upstream', attributes: {rate: 30}},
    {name: 'phone_delay', type: 'latency', stream: 'downstream', attributes: {latency: 200, jitter: 100}},
    {name: 'phone_loss', type: 'packet_loss', stream: 'downstream', attributes: {loss_rate: 0.01}}]},
  {name: 'Byte by byte', about: 'every message arrives in single bytes; nothing is lost', toxics: [
    {name: 'bytes_up', type: 'slicer', stream: 'upstream', attributes: {average_size: 1, size_variation: 0, delay: 100}},
    {name: 'bytes_down', type: 'slicer', stream: 'downstream', attributes: {average_size: 1, size_variation: 0, delay: 100}}]},
  {name: 'Firewall that forgets', about: 'after 10 s nothing goes through and no end is told', toxics: [
    {name: 'forgets_up', type: 'stall', stream: 'upstream', at: {time: 10000}},
    {name: 'forgets_down', type: 'stall', stream: 'downstream', at: {time: 10000}}]},
]
