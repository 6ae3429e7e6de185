#!/bin/sh
# Training code in plain shell and awk: it fits y = 2x + 1 by gradient descent and prints the
# mean squared error after each step. Any program that reads arguments and prints
# "name=value" can be tuned like this.
set -eu

rate=0.1
momentum=0
optimizer=plain
for argument in "$@"; do
    case $argument in
    --rate=*) rate=${argument#*=} ;;
    --momentum=*) momentum=${argument#*=} ;;
    --optimizer=*) optimizer=${argument#*=} ;;
    *)
        echo "train.sh: unknown argument: $argument" >&2
        exit 2
        ;;
    esac
done

awk -v rate="$rate" -v momentum="$momentum" -v optimizer="$optimizer" '
BEGIN {
    if (optimizer == "plain") momentum = 0
    for (step = 1; step <= 20; step++) {
        gradient_a = gradient_b = 0
        for (i = 0; i < 10; i++) {
            x = i / 10
            error = a * x + b - (2 * x + 1)
            gradient_a += error * x / 5
            gradient_b += error / 5
        }
        velocity_a = momentum * velocity_a - rate * gradient_a
        velocity_b = momentum * velocity_b - rate * gradient_b
        a += velocity_a
        b += velocity_b
        loss = 0
        for (i = 0; i < 10; i++) {
            x = i / 10
            loss += (a * x + b - (2 * x + 1)) ^ 2 / 10
        }
        printf "step=%d objective=%.6g\n", step, loss
    }
}'
