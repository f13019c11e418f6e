"""The main job: intake, build, audit, publish."""
