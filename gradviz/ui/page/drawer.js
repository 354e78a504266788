// On a phone the navigation is a drawer over the page; Streamlit leaves it open after a choice.

document.addEventListener("click", (event) => {
  if (innerWidth > 768) return;
  const drawer = event.target.closest?.("[data-testid=stSidebar]");
  if (drawer && event.target.closest("a"))
    drawer.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
});

