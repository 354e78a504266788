// One training step of a peer, at our architecture and batch: milliseconds a step, for tests/peers.py.
//
//     node peers.js convnetjs  path/to/convnet.js
//     node peers.js playground path/to/nn.js
"use strict";

const [, , name, path] = process.argv;
const [FEATURES, WIDTH, DEPTH, CLASSES, BATCH] = [64, 32, 20, 10, 128];
const WARM_UP = 3, STEPS = 9;

const inputs = Array.from({length: BATCH}, () =>
  Array.from({length: FEATURES}, () => 2 * Math.random() - 1));

const steps = {
  // Softmax over ten classes, momentum 0.9.
  convnetjs() {
    const {Net, SGDTrainer, Vol} = require(path);
    const hidden = Array.from({length: DEPTH}, () =>
      ({type: "fc", num_neurons: WIDTH, activation: "tanh"}));
    const net = new Net();
    net.makeLayers([{type: "input", out_sx: 1, out_sy: 1, out_depth: FEATURES}, ...hidden,
      {type: "softmax", num_classes: CLASSES}]);
    const trainer = new SGDTrainer(net, {batch_size: BATCH, learning_rate: 0.01, momentum: 0.9});
    const volumes = inputs.map(x => new Vol(x));
    return () => volumes.forEach((x, i) => trainer.train(x, i % CLASSES));
  },
  // It knows one output and no momentum: a little less work than ours.
  playground() {
    const nn = require(path);
    const shape = [FEATURES, ...Array(DEPTH).fill(WIDTH), 1];
    const {TANH} = nn.Activations;
    const net = nn.buildNetwork(shape, TANH, TANH, null, inputs[0].map((_, i) => `x${i}`));
    return () => {
      inputs.forEach((x, i) => {
        nn.forwardProp(net, x);
        nn.backProp(net, i % 2 ? 1 : -1, nn.Errors.SQUARE);
      });
      nn.updateWeights(net, 0.01, 0);
    };
  },
};

const step = steps[name]();
const taken = [];
for (let i = 0; i < WARM_UP + STEPS; i++) {
  const before = process.cpuUsage();
  step();
  const {user, system} = process.cpuUsage(before);
  taken.push((user + system) / 1000);
}
console.log(taken.slice(WARM_UP).sort((a, b) => a - b)[STEPS >> 1]);
