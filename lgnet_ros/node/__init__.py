"""The ROS door: everything that imports rclpy. It translates and delegates, nothing else."""
