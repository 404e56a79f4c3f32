"""Crystal in, crystal out: phases, orderings, dopants, slabs, matches and interfaces."""

from typing import TYPE_CHECKING

from natriface.structures.exports import export

if TYPE_CHECKING:
    from natriface.structures.adatom_grid import AdatomGrid as AdatomGrid
    from natriface.structures.adatom_grid import GridPoint as GridPoint
    from natriface.structures.adatom_grid import adatom_grid as adatom_grid
    from natriface.structures.adsorption import AdatomSite as AdatomSite
    from natriface.structures.adsorption import adatom_sites as adatom_sites
    from natriface.structures.adsorption import add_adatom as add_adatom
    from natriface.structures.adsorption import place_adatom as place_adatom
    from natriface.structures.adsorption import site_beneath as site_beneath
    from natriface.structures.atoms import atoms_of as atoms_of
    from natriface.structures.atoms import structure_id as structure_id
    from natriface.structures.cavities import interstitial_sites as interstitial_sites
    from natriface.structures.crystal_files import from_materials_project as from_materials_project
    from natriface.structures.crystal_files import phase_from_atoms as phase_from_atoms
    from natriface.structures.crystal_files import read_phase as read_phase
    from natriface.structures.crystals import Crystal as Crystal
    from natriface.structures.doping import Doped as Doped
    from natriface.structures.doping import dope as dope
    from natriface.structures.doping import substitute as substitute
    from natriface.structures.errors import NatrifaceError as NatrifaceError
    from natriface.structures.errors import StructureError as StructureError
    from natriface.structures.exchange import Exchange as Exchange
    from natriface.structures.exchange import exchange as exchange
    from natriface.structures.freezing import freeze as freeze
    from natriface.structures.hop_endpoints import HopEndpoints as HopEndpoints
    from natriface.structures.hop_endpoints import hop_endpoints as hop_endpoints
    from natriface.structures.hop_network import HopNetwork as HopNetwork
    from natriface.structures.hop_network import hop_network as hop_network
    from natriface.structures.hops import Hop as Hop
    from natriface.structures.hops import adatom_hops as adatom_hops
    from natriface.structures.hops import interstitial_hops as interstitial_hops
    from natriface.structures.hops import vacancy_hops as vacancy_hops
    from natriface.structures.images import Images as Images
    from natriface.structures.images import make_images as make_images
    from natriface.structures.images import match_atoms as match_atoms
    from natriface.structures.interfaces import Interface as Interface
    from natriface.structures.interfaces import build_interface as build_interface
    from natriface.structures.interfaces import contact_gap as contact_gap
    from natriface.structures.interfaces import gap_scan as gap_scan
    from natriface.structures.interfaces import registry_scan as registry_scan
    from natriface.structures.matching import Match as Match
    from natriface.structures.matching import find_matches as find_matches
    from natriface.structures.ordering import Ordering as Ordering
    from natriface.structures.ordering import count_orderings as count_orderings
    from natriface.structures.ordering import ordered_phase as ordered_phase
    from natriface.structures.ordering import rank_orderings as rank_orderings
    from natriface.structures.phases import Phase as Phase
    from natriface.structures.phases import load_phase as load_phase
    from natriface.structures.phases import phase_names as phase_names
    from natriface.structures.polyanions import CovalentUnits as CovalentUnits
    from natriface.structures.polyanions import find_units as find_units
    from natriface.structures.screening import Screening as Screening
    from natriface.structures.screening import enumerate_interfaces as enumerate_interfaces
    from natriface.structures.sites import SiteOrbit as SiteOrbit
    from natriface.structures.sites import substitution_sites as substitution_sites
    from natriface.structures.slabs import Slab as Slab
    from natriface.structures.slabs import build_slab as build_slab
    from natriface.structures.slabs import layers_for as layers_for
    from natriface.structures.terminations import Termination as Termination
    from natriface.structures.terminations import find_terminations as find_terminations
    from natriface.structures.terminations import termination_named as termination_named
else:
    __all__, __getattr__, __dir__ = export(
        __name__,
        {
            "adatom_grid": "AdatomGrid GridPoint adatom_grid",
            "adsorption": "AdatomSite adatom_sites add_adatom place_adatom site_beneath",
            "atoms": "atoms_of structure_id",
            "cavities": "interstitial_sites",
            "crystal_files": "from_materials_project phase_from_atoms read_phase",
            "crystals": "Crystal",
            "doping": "Doped dope substitute",
            "errors": "NatrifaceError StructureError",
            "exchange": "Exchange exchange",
            "freezing": "freeze",
            "hop_endpoints": "HopEndpoints hop_endpoints",
            "hop_network": "HopNetwork hop_network",
            "hops": "Hop adatom_hops interstitial_hops vacancy_hops",
            "images": "Images make_images match_atoms",
            "interfaces": "Interface build_interface contact_gap gap_scan registry_scan",
            "matching": "Match find_matches",
            "ordering": "Ordering count_orderings ordered_phase rank_orderings",
            "phases": "Phase load_phase phase_names",
            "polyanions": "CovalentUnits find_units",
            "screening": "Screening enumerate_interfaces",
            "sites": "SiteOrbit substitution_sites",
            "slabs": "Slab build_slab layers_for",
            "terminations": "Termination find_terminations termination_named",
        },
    )
