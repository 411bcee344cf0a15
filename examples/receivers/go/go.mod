module jettimer.example/receiver

go 1.21
