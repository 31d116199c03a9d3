from .placements import Line as Line, Traverses as Traverses, with_all_profiles as with_all_profiles
from .profile_data import Profile as Profile, read_law as read_law, read_profile as read_profile
from .profiles_table import ProfilesTable as ProfilesTable
from .traverse_layer import TraverseLayer as TraverseLayer
