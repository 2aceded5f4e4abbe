"""Does a reader ever wait, fail, or see two generations at once, while copies are made and makers are killed?"""
