from .placements import Line as Line
from .placements import Traverses as Traverses
from .placements import with_all_profiles as with_all_profiles
from .profile_data import Profile as Profile
from .profile_data import read_law as read_law
from .profile_data import read_profile as read_profile
from .profiles_table import ProfilesTable as ProfilesTable
from .traverse_layer import TraverseLayer as TraverseLayer
