"""Crystal in, crystal out: phases, orderings, dopants, slabs, matches and interfaces."""

from typing import TYPE_CHECKING

from natriface.structures.base.exports import export

if TYPE_CHECKING:
    from natriface.structures.base.atoms import atoms_of as atoms_of
    from natriface.structures.base.atoms import pymatgen_of as pymatgen_of
    from natriface.structures.base.atoms import structure_id as structure_id
    from natriface.structures.base.errors import NatrifaceError as NatrifaceError
    from natriface.structures.base.errors import StructureError as StructureError
    from natriface.structures.chemistry.polyanions import CovalentUnits as CovalentUnits
    from natriface.structures.chemistry.polyanions import find_units as find_units
    from natriface.structures.crystals.cavities import interstitial_sites as interstitial_sites
    from natriface.structures.crystals.crystal_files import (
        from_materials_project as from_materials_project,
    )
    from natriface.structures.crystals.crystal_files import phase_from_atoms as phase_from_atoms
    from natriface.structures.crystals.crystal_files import read_phase as read_phase
    from natriface.structures.crystals.doping import Doped as Doped
    from natriface.structures.crystals.doping import dope as dope
    from natriface.structures.crystals.doping import substitute as substitute
    from natriface.structures.crystals.ordering import Ordering as Ordering
    from natriface.structures.crystals.ordering import count_orderings as count_orderings
    from natriface.structures.crystals.ordering import ordered_phase as ordered_phase
    from natriface.structures.crystals.ordering import rank_orderings as rank_orderings
    from natriface.structures.crystals.phases import Phase as Phase
    from natriface.structures.crystals.phases import load_phase as load_phase
    from natriface.structures.crystals.phases import phase_names as phase_names
    from natriface.structures.crystals.primitive import Crystal as Crystal
    from natriface.structures.crystals.sites import SiteOrbit as SiteOrbit
    from natriface.structures.crystals.sites import substitution_sites as substitution_sites
    from natriface.structures.interfaces.build import Interface as Interface
    from natriface.structures.interfaces.build import build_interface as build_interface
    from natriface.structures.interfaces.build import contact_gap as contact_gap
    from natriface.structures.interfaces.build import gap_scan as gap_scan
    from natriface.structures.interfaces.build import registry_scan as registry_scan
    from natriface.structures.interfaces.ligand_transfer import LigandKind as LigandKind
    from natriface.structures.interfaces.ligand_transfer import move_into_film as move_into_film
    from natriface.structures.interfaces.matching import Match as Match
    from natriface.structures.interfaces.matching import find_matches as find_matches
    from natriface.structures.interfaces.matching import share_by_stiffness as share_by_stiffness
    from natriface.structures.interfaces.screening import Screening as Screening
    from natriface.structures.interfaces.screening import (
        enumerate_interfaces as enumerate_interfaces,
    )
    from natriface.structures.paths.exchange import Exchange as Exchange
    from natriface.structures.paths.exchange import exchange as exchange
    from natriface.structures.paths.hop_endpoints import HopEndpoints as HopEndpoints
    from natriface.structures.paths.hop_endpoints import hop_endpoints as hop_endpoints
    from natriface.structures.paths.hop_network import HopNetwork as HopNetwork
    from natriface.structures.paths.hop_network import hop_network as hop_network
    from natriface.structures.paths.hops import Hop as Hop
    from natriface.structures.paths.hops import adatom_hops as adatom_hops
    from natriface.structures.paths.hops import interstitial_hops as interstitial_hops
    from natriface.structures.paths.hops import vacancy_hops as vacancy_hops
    from natriface.structures.paths.images import Images as Images
    from natriface.structures.paths.images import make_images as make_images
    from natriface.structures.paths.images import match_atoms as match_atoms
    from natriface.structures.surfaces.adatom_grid import AdatomGrid as AdatomGrid
    from natriface.structures.surfaces.adatom_grid import GridPoint as GridPoint
    from natriface.structures.surfaces.adatom_grid import adatom_grid as adatom_grid
    from natriface.structures.surfaces.adsorption import AdatomSite as AdatomSite
    from natriface.structures.surfaces.adsorption import adatom_sites as adatom_sites
    from natriface.structures.surfaces.adsorption import add_adatom as add_adatom
    from natriface.structures.surfaces.adsorption import place_adatom as place_adatom
    from natriface.structures.surfaces.adsorption import site_beneath as site_beneath
    from natriface.structures.surfaces.freezing import freeze as freeze
    from natriface.structures.surfaces.planes import list_terminations as list_terminations
    from natriface.structures.surfaces.slabs import Slab as Slab
    from natriface.structures.surfaces.slabs import build_slab as build_slab
    from natriface.structures.surfaces.slabs import layers_for as layers_for
    from natriface.structures.surfaces.terminations import Termination as Termination
    from natriface.structures.surfaces.terminations import find_terminations as find_terminations
    from natriface.structures.surfaces.terminations import termination_named as termination_named
else:
    __all__, __getattr__, __dir__ = export(
        __name__,
        {
            "surfaces.adatom_grid": "AdatomGrid GridPoint adatom_grid",
            "surfaces.adsorption": "AdatomSite adatom_sites add_adatom place_adatom site_beneath",
            "base.atoms": "atoms_of pymatgen_of structure_id",
            "crystals.cavities": "interstitial_sites",
            "crystals.crystal_files": "from_materials_project phase_from_atoms read_phase",
            "crystals.primitive": "Crystal",
            "crystals.doping": "Doped dope substitute",
            "base.errors": "NatrifaceError StructureError",
            "paths.exchange": "Exchange exchange",
            "surfaces.freezing": "freeze",
            "paths.hop_endpoints": "HopEndpoints hop_endpoints",
            "paths.hop_network": "HopNetwork hop_network",
            "paths.hops": "Hop adatom_hops interstitial_hops vacancy_hops",
            "paths.images": "Images make_images match_atoms",
            "interfaces.build": "Interface build_interface contact_gap gap_scan registry_scan",
            "interfaces.ligand_transfer": "LigandKind move_into_film",
            "interfaces.matching": "Match find_matches share_by_stiffness",
            "crystals.ordering": "Ordering count_orderings ordered_phase rank_orderings",
            "crystals.phases": "Phase load_phase phase_names",
            "chemistry.polyanions": "CovalentUnits find_units",
            "interfaces.screening": "Screening enumerate_interfaces",
            "crystals.sites": "SiteOrbit substitution_sites",
            "surfaces.planes": "list_terminations",
            "surfaces.slabs": "Slab build_slab layers_for",
            "surfaces.terminations": "Termination find_terminations termination_named",
        },
    )
