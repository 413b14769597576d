"""Published methods of adapting to a person, against which ours is measured."""
